import assert from "node:assert/strict";
import test from "node:test";
import { argv, parameters } from "../src/large-files.js";

test("a size is given in blocks", () => {
  assert.equal(argv({ folder: "/tmp", mib: 1 }).at(-1), "+2048");
});

test("only configured folders can be chosen", () => {
  assert.deepEqual(parameters(["/srv"]).properties.folder.enum, ["/srv"]);
});
