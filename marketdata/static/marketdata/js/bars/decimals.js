// Decimals of exact prices, which are texts.

/** The highest number of decimals of the prices, which the axis needs to show them exactly. */
export function findMaxDecimals(list) {
  let max = 0;
  for (const { text } of list) {
    for (const price of [text.open, text.high, text.low, text.close]) max = Math.max(max, countDecimals(price));
  }
  return max;
}

export function countDecimals(price) {
  const point = price.indexOf(".");
  return point < 0 ? 0 : price.length - point - 1;
}

/** The exact decimal, padded with zeros so that the prices of one series align. */
export function padDecimals(text, digits) {
  const [integer, fraction = ""] = text.split(".");
  return digits ? `${integer}.${fraction.padEnd(digits, "0")}` : text;
}
