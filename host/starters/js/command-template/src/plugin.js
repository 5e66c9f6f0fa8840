// Finds large files in folders that fill up.
import { get as config } from "corral:host/config@0.1.0";
import { write as log } from "corral:host/log@0.1.0";
import { argv, parameters } from "./large-files.js";

// What can be run. Called at load, and after every change in a granted folder.
function templates() {
  const { folders } = JSON.parse(config());
  log("debug", `${folders.length} folders can be chosen`);
  const largeFiles = {
    id: "large-files",
    title: "Large files",
    description: "Files above a size, on the folder's own file system.",
    category: "disk",
    parameters: JSON.stringify(parameters(folders)),
    mode: "durable",
    dangerous: false,
    timeoutSeconds: 0,
    appliesTo: "",
  };
  return { templates: [largeFiles], problems: [] };
}

// One command a machine, in the order given, as words: the host does all quoting.
function render(templateId, args, vms) {
  if (templateId !== "large-files") {
    throw { tag: "not-found", val: `there is no template \`${templateId}\`` };
  }
  const words = argv(JSON.parse(args));
  return vms.map(() => ({ argv: words, env: [], workdir: undefined, stdin: undefined }));
}

export const commandTemplates = { templates, render };
