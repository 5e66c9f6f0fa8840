import { ApiError } from '../clients';

export type ToastKind = 'info' | 'success' | 'error';

export interface Toast {
  id: number;
  kind: ToastKind;
  title: string;
  detail: string;
  action?: { label: string; href: string };
}

const SHOWN_MS: Record<ToastKind, number> = { info: 5000, success: 4000, error: 10_000 };
const AT_ONCE = 3;

/** Short notes in the corner. What belongs to a field or a row is shown there instead. */
export class Toasts {
  list = $state<Toast[]>([]);
  private next = 1;

  constructor(private readonly later: (run: () => void, ms: number) => unknown) {}

  show(kind: ToastKind, title: string, detail = '', action?: Toast['action']): void {
    const toast: Toast = { id: this.next++, kind, title, detail, action };
    this.list = [...this.list, toast].slice(-AT_ONCE);
    this.later(() => this.dismiss(toast.id), SHOWN_MS[kind]);
  }

  success(title: string, detail?: string, action?: Toast['action']): void {
    this.show('success', title, detail, action);
  }

  /** What went wrong, from whatever was thrown. */
  failure(title: string, cause: unknown): void {
    this.show('error', title, messageOf(cause));
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export function messageOf(cause: unknown): string {
  if (cause instanceof ApiError) return cause.detail || cause.title;
  return cause instanceof Error ? cause.message : String(cause);
}
