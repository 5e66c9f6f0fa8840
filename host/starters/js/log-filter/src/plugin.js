// Leaves out lines that nobody reads, and marks those that speak of trouble.
import { get as config } from "corral:host/config@0.1.0";
import { write as log } from "corral:host/log@0.1.0";
import { changeOf, linesOf } from "./rules.js";

// One stream of one machine.
class Session {
  static open(stream) {
    const session = new Session();
    session.rules = JSON.parse(config());
    log("debug", `a stream of ${stream.vm.name} begins`);
    return session;
  }

  // Lines that are not named in the answer stay as they are.
  process(batch) {
    const edits = [];
    linesOf(batch).forEach((text, index) => {
      const change = changeOf(text, this.rules);
      if (change) edits.push({ index, change });
    });
    return edits;
  }

  // The stream ended: lines to add.
  finish() {
    return [];
  }
}

export const filter = { Session };
