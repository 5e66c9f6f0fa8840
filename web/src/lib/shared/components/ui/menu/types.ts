import type { Component } from 'svelte';

export interface MenuItem {
  label: string;
  icon?: Component<{ size?: number; 'aria-hidden'?: 'true' }>;
  danger?: boolean;
  disabled?: boolean;
  /** Stands at the end of the row: how many. */
  count?: number;
  /** Stands under the label: what it does, or why it cannot be chosen. */
  hint?: string;
  onselect: () => void;
}
