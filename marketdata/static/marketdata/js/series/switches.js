// The radio buttons of timeframe, hours and time zone.

import { isKnownZone } from "../shared/clock.js";
import { readStored, writeStored } from "../shared/storage.js";
import { showDate } from "./dates.js";

const DATED = "Daily and weekly candles show the exchange’s trading date, which does not depend on the time zone.";
const STORED = "barkeep-clock";

export const timeframes = [...document.getElementsByName("timeframe")];
export const sessions = [...document.getElementsByName("session")]; // none where an exchange has no extended hours
const zones = [...document.getElementsByName("zone")].filter((choice) => isKnownZone(choice.value) || refuse(choice));

/** Old browsers lack some time zones. */
function refuse(choice) {
  choice.disabled = true;
  choice.title = choice.parentElement.title = `This browser does not know the time zone ${choice.value}.`;
  return false;
}

/** Show which timeframe is requested. Days and weeks disable the choice of a time zone. */
export function pressTimeframe(timeframe, bars) {
  for (const choice of timeframes) choice.checked = choice.value === timeframe;
  for (const choice of zones) {
    choice.disabled = bars.bySession;
    choice.title = choice.parentElement.title = bars.bySession ? DATED : "";
  }
}

/** Show which hours are requested. */
export function pressSession(session) {
  for (const choice of sessions) choice.checked = choice.value === session;
}

/** Days and weeks always use UTC: their trading dates do not depend on the time zone. */
export function setClock({ bars, clock }) {
  const chosen = zones.find((choice) => choice.checked);
  clock.setZone(bars.bySession ? "UTC" : (chosen?.value ?? "UTC"));
}

/** Choose the zone of the last visit. */
export function restoreZone() {
  const exchange = zones.find((choice) => choice.value !== "UTC");
  if (exchange && readStored(STORED) === "exchange") exchange.checked = true;
}

export function listenToZones(page) {
  for (const choice of zones) {
    choice.addEventListener("change", () => {
      writeStored(STORED, choice.value === "UTC" ? "UTC" : "exchange");
      setClock(page);
      showDate(page);
      page.chart?.redraw();
      page.legend.show(page.legend.bar);
      page.gaps.redraw();
    });
  }
}
