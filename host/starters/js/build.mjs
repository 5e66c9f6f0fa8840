// Makes a component of src/plugin.js: `npm run build`. It is done through the API of componentize-js.
import { mkdir, writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const { component } = await componentize({
  sourcePath: "src/plugin.js",
  witPath: "wit",
  worldName: "plugin",
  // A plugin has no network of its own; what it may reach, it reaches through corral:host/http.
  disableFeatures: ["http", "fetch-event"],
});
await mkdir("build", { recursive: true });
await writeFile("build/plugin.wasm", component);
