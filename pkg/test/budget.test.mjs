/** What an isolate may hold: bodies that have come, and bodies that are promised. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Budget } from "../dist/operate/budget.js";

const MB = 1024 * 1024;

test("promised bodies take nothing from those that have come", () => {
  const budget = new Budget();
  let promised = 0;
  while (budget.promise(MB)) promised += 1;
  assert.equal(promised, 8);
  let taken = 0;
  while (budget.take(MB)) taken += 1;
  assert.equal(taken, 16);
  budget.promised(MB);
  assert.equal(budget.take(1), false);
  assert.equal(budget.promise(MB + 1), false);
  assert.ok(budget.promise(MB));
});
