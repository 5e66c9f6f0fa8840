// What becomes of a line, without anything of the host, so that `npm test` can try it.

// The lines of a batch. They come packed end to end, and `ends` counts bytes of UTF-8.
export function linesOf({ text, ends }) {
  const bytes = new TextEncoder().encode(text);
  const decoder = new TextDecoder();
  return [...ends].map((end, index) => decoder.decode(bytes.subarray(index ? ends[index - 1] : 0, end)));
}

// A change of the contract, or nothing.
export function changeOf(text, { hide = [], mark = {} }) {
  if (hide.some((part) => text.includes(part))) return { tag: "drop" };
  const found = Object.entries(mark).find(([part]) => text.includes(part));
  return found && { tag: "annotate", val: [{ key: "level", value: found[1] }] };
}
