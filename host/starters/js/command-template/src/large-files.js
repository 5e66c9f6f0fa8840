// The template without anything of the host, so that `npm test` can try it.

// Blocks of 512 bytes, in which `find -size` counts everywhere.
const BLOCKS_PER_MIB = 2048;

// The JSON Schema from which the form is drawn, and by which the host checks what is typed into it.
export function parameters(folders) {
  return {
    type: "object",
    additionalProperties: false,
    required: ["folder", "mib"],
    properties: {
      folder: { title: "Folder", enum: folders, default: folders[0] },
      mib: { title: "Larger than (MiB)", type: "integer", minimum: 1, maximum: 1000000, default: 100 },
    },
  };
}

export function argv({ folder, mib }) {
  return ["find", folder, "-xdev", "-type", "f", "-size", `+${mib * BLOCKS_PER_MIB}`];
}
