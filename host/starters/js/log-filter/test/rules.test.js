import assert from "node:assert/strict";
import test from "node:test";
import { changeOf, linesOf } from "../src/rules.js";

test("lines are cut by bytes, not by characters", () => {
  assert.deepEqual(linesOf({ text: "aöb", ends: new Uint32Array([3, 4]) }), ["aö", "b"]);
});

test("hidden lines go, others are marked or left alone", () => {
  const rules = { hide: ["/healthz"], mark: { ERROR: "error" } };
  assert.deepEqual(changeOf("GET /healthz", rules), { tag: "drop" });
  assert.deepEqual(changeOf("ERROR", rules), { tag: "annotate", val: [{ key: "level", value: "error" }] });
  assert.equal(changeOf("GET /", rules), undefined);
});
