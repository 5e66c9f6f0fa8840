/** How the buttons above a view of lines look. */
export const TOOL =
  'inline-flex h-7 shrink-0 items-center gap-1.5 rounded-md px-2 text-xs text-muted transition-colors hover:bg-hover hover:text-fg aria-pressed:bg-accent-soft aria-pressed:text-accent-fg data-[state=open]:bg-hover data-[state=open]:text-fg';
