/**
 * Judges a request given as a line of JSON, in the form of `portcullis decide`, through the
 * package.
 *
 * It returns the verdict as JSON has it. It runs in Node and in workerd. `Session` is the package's class. `split` cuts the body at these
 * offsets instead of those in the line.
 */
export function judgeLine(gate, line, Session, split) {
  for (const [rule, state] of Object.entries(line.switch ?? {})) gate.switch(rule, state);
  const accounts = [
    ...(line.accounts ?? []),
    ...(line.account === undefined ? [] : [line.account]),
  ].map((facts) => gate.accountByName(facts));
  const facts = {
    place: [...(line.places ?? []), ...(line.place === undefined ? [] : [line.place])].map(
      ({ country, region }) => ({ country: country ?? "", region: region ?? "" }),
    ),
    network: line.network ?? [],
    asn: line.asn,
    ip: line.ip,
    account: accounts,
    now: instant(line.now),
  };
  const head = { method: line.method, url: line.url, headers: headerLines(line) };
  const body = bodyOf(line);
  try {
    if (line.frames !== undefined)
      return (
        judgeFrames(gate, new Session(head), facts, line.frames) ??
        gate.judge({ ...head, body }, facts)
      ).toJSON();
    const cuts = split ?? line.chunks ?? [];
    const screening = cuts.length === 0 ? undefined : gate.open(head, facts);
    if (screening === undefined) return gate.judge({ ...head, body }, facts).toJSON();
    if (body !== undefined && screening.wantsBody) {
      for (const piece of pieces(body, cuts)) if (screening.feed(piece)) break;
    }
    return screening.finish().toJSON();
  } finally {
    for (const account of accounts) account.free();
  }
}

/** Judges the upgrade, then each client message up to the first that is not allowed. */
function judgeFrames(gate, session, facts, frames) {
  try {
    let verdict = session.judge(gate, facts);
    for (const frame of frames) {
      if (verdict === undefined || session.refusal !== undefined) break;
      verdict = session.judge(gate, facts, typeof frame === "string" ? frame : decoded(frame.b64));
    }
    return verdict;
  } finally {
    session.release();
  }
}

// Trailers that no server treats as headers.
const UNMERGED = /^(content-(type|encoding|length)|transfer-encoding|connection|upgrade|host)$/i;

export function headerLines({ headers = {}, trailers = {} }) {
  return [
    ...Object.entries(headers),
    ...Object.entries(trailers).filter(([name]) => !UNMERGED.test(name)),
  ].flatMap(([name, value]) =>
    Array.isArray(value) ? value.map((one) => [name, String(one)]) : [[name, String(value)]],
  );
}

export function bodyOf({ body, body_b64: coded }) {
  if (body !== undefined && body !== null)
    return new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
  return coded === undefined ? undefined : decoded(coded);
}

function decoded(base64) {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

function pieces(body, cuts) {
  const at = [0, ...cuts.filter((cut) => cut > 0 && cut < body.length), body.length];
  return at
    .slice(1)
    .map((end, index) => body.subarray(at[index], end))
    .filter((piece) => piece.length > 0);
}

function instant(now) {
  if (now === undefined) return undefined;
  return typeof now === "number" ? now * 1000 : Date.parse(now);
}
