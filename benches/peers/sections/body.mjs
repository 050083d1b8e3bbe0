/** The tables of bodies: W3, and the first thousand bodies of a process. */
import { jobs } from "../bundle.mjs";
import { race, summary } from "../race.mjs";
import { ROUNDS, STARTS } from "../settings.mjs";
import { number, ratio, table } from "../table.mjs";
import { PLACES, SHAPE_NAMES, SIZES } from "../tasks/body.mjs";

/** `plain-js` reads a body by `JSON.parse`, and so do the engines. */
const CONTENDERS = ["plain-js", "cel-marcbachmann", "portcullis"];
const NAMES = {
  "plain-js": "JSON.parse",
  "cel-marcbachmann": "JSON.parse, cel-marcbachmann",
  portcullis: "portcullis",
};

export async function bodies(context) {
  const races = await race(await jobs(CONTENDERS, "body", "small"), {
    ...context,
    starts: STARTS,
    rounds: ROUNDS,
  });
  const cell = (starts, index) => summary(starts, (round) => round[index].nanoseconds);
  const cells = races[0].starts[0][0].map(({ cell, bytes }) => ({ cell, bytes }));
  const wrong = races.reduce((sum, { found }) => sum + found.reduce((a, b) => a + b.wrong, 0), 0);
  const rows = races.flatMap(({ contender, starts }) =>
    cells.map(({ cell: name, bytes }, index) => ({
      contender: NAMES[contender],
      cell: name,
      bytes,
      ...cell(starts, index),
    })),
  );
  for (const shape of SHAPE_NAMES) {
    context.title(shape);
    const names = Object.keys(SIZES).flatMap((size) => PLACES.map((place) => `${size} ${place}`));
    console.log(
      table(
        ["body", ...CONTENDERS.map((name) => `${NAMES[name]}, us`), "ratio", "MB/s"],
        names.map((name) => {
          const found = rows.filter(({ cell }) => cell === `${shape}, ${name}`);
          const [plain, , own] = found;
          return [
            name,
            ...found.map(({ nanoseconds }) => number(nanoseconds / 1e3)),
            ratio(own.nanoseconds, plain.nanoseconds),
            number((own.bytes / own.nanoseconds) * 1e3),
          ];
        }),
      ),
    );
  }
  console.log(`\n${wrong} wrong answers`);
  context.keep([...rows, { contender: "all", wrong }]);
}

export async function firsts(context) {
  context.title();
  const names = ["plain-js", "portcullis"];
  const found = await race(await jobs(names, "first", "small"), {
    ...context,
    starts: STARTS + 4,
    rounds: 1,
  });
  const rows = found.map(({ contender, starts }) => ({
    contender: NAMES[contender],
    times: [0, 1, 2, 3].map((group) => summary(starts, ({ times }) => times[group]).nanoseconds),
    wrong: starts.reduce((sum, [{ wrong }]) => sum + wrong, 0),
  }));
  console.log(
    table(
      ["us a body", "1st", "2 to 10", "11 to 100", "101 to 1,000", "wrong"],
      rows.map(({ contender, times, wrong }) => [
        contender,
        ...times.map((time) => number(time / 1e3)),
        wrong,
      ]),
    ),
  );
  context.keep(rows);
}
