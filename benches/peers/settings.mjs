/** What the environment sets. README.md lists the variables. */
export const STARTS = odd("STARTS", 3);
export const ROUNDS = odd("ROUNDS", 5);
export const GROWN_STARTS = odd("GROWN_STARTS", 1);
export const GROWN = (process.env.GROWN || "10 100 1000 10000").split(" ").map(Number);
export const NODES = (process.env.NODES || "22 24").split(" ");
/** How long a contender works in one round, in milliseconds, approximately. */
export const ROUND = Number(process.env.ROUND || 50);
/** How long it works before the first round, so that V8 has compiled what it will compile. */
export const WARM = Number(process.env.WARM || 400);
/** How long answers are checked, in milliseconds. A slow contender answers few in that time. */
export const CHECK = Number(process.env.CHECK || 1500);
/** Decisions and accounts of the table of memory. */
export const DECISIONS = Number(process.env.DECISIONS || 1e7);
export const ACCOUNTS = Number(process.env.ACCOUNTS || 1e5);

function odd(name, standard) {
  const value = Number(process.env[name] || standard);
  if (value % 2 !== 1) throw new Error(`${name} must be odd, so that one is in the middle`);
  return value;
}
