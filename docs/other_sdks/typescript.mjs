// Prints, as one line of JSON for each call, what the SDK makes of each fault: node typescript.mjs URL FAULT...
import Anthropic from "@anthropic-ai/sdk";

const [baseURL, ...faults] = process.argv.slice(2);
const TIMEOUT = 2_000;
const PATIENCE = 8_000; // in milliseconds, before the program gives up on a call that has no end

const client = new Anthropic({ baseURL, apiKey: "any", maxRetries: 0, timeout: TIMEOUT });

const WAYS = {
  "create({stream: true})": async (request, seen) => {
    for await (const event of await client.messages.create({ ...request, stream: true })) {
      seen.events += event ? 1 : 0;
    }
  },
  "stream().finalMessage()": async (request, seen) => {
    const stream = client.messages.stream(request);
    stream.on("streamEvent", () => (seen.events += 1));
    await stream.finalMessage();
  },
};

async function ended(call, request) {
  const seen = { events: 0 };
  let timer;
  const waiting = new Promise((resolve) => (timer = setTimeout(resolve, PATIENCE, { end: "waiting" })));
  const answered = call(request, seen).then(
    () => ({ end: "completed" }),
    (error) => ({
      end: "error",
      error: error instanceof TypeError ? String(error) : error.constructor.name,
      of_sdk: error instanceof Anthropic.APIError,
      status: error.status ?? null,
      cause: error.cause?.constructor.name ?? null,
    }),
  );
  const result = await Promise.race([answered, waiting]);
  clearTimeout(timer);
  return { ...result, events: seen.events };
}

for (const model of faults) {
  const request = { model, max_tokens: 64, messages: [{ role: "user", content: "Hello" }] };
  for (const [way, call] of Object.entries(WAYS)) {
    console.log(JSON.stringify({ fault: model, way, ...(await ended(call, request)) }));
  }
}
process.exit(); // whatever is still waiting
