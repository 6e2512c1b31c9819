// A server for tests of modules that request data: it records requests and answers them in order.

globalThis.location = { href: "https://barkeep.example/series/mnq/" };

/** Answer the next requests with `answers`: JSON bodies, Responses, or Errors. Returns the URLs of the requests. */
export function serve(...answers) {
  const requests = [];
  globalThis.fetch = async (url) => {
    requests.push(url);
    const answer = await answers.shift();
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer : Response.json(answer);
  };
  return requests;
}

/** An answer that is sent when `send` is called. */
export function delay(answer) {
  let send;
  const sent = new Promise((resolve) => {
    send = () => resolve(answer);
  });
  return { sent, send };
}

/** Seconds of a time like "2024-01-02 14:30" in UTC. */
export const utc = (text) => Date.parse(`${text.replace(" ", "T")}Z`) / 1000;
