import { describe, expect, it, vi } from 'vitest';
import { tokenOf } from './account.svelte';
import { createUiState } from './uiState.svelte';

function make(saved: string | null = null) {
  const storage = { getItem: vi.fn(() => saved), setItem: vi.fn() };
  const applyTheme = vi.fn();
  return { ui: createUiState({ storage, applyTheme, systemDark: () => true }), storage, applyTheme };
}

describe('uiState', () => {
  it('chooses one machine and a range with shift', () => {
    const { ui } = make();
    const order = ['a', 'b', 'c', 'd'];
    ui.toggleVm('b');
    ui.toggleRange('d', order);
    expect([...ui.selectedVmIds].sort()).toEqual(['b', 'c', 'd']);
    ui.toggleRange('c', order);
    expect([...ui.selectedVmIds]).toEqual(['b']);
  });

  it('forgets a machine that is gone', () => {
    const { ui } = make();
    ui.toggleVm('a');
    ui.forgetVm('a');
    expect(ui.selectedVmIds.size).toBe(0);
    expect(ui.selectedVmId).toBeNull();
  });

  it('keeps the theme and survives a storage with nonsense in it', () => {
    const { ui, storage, applyTheme } = make('{nonsense');
    expect(ui.isDark).toBe(true);
    ui.setTheme('light');
    expect(applyTheme).toHaveBeenLastCalledWith(false);
    expect(storage.setItem).toHaveBeenCalledWith('corral.ui', expect.stringContaining('"light"'));
    expect(make('{"theme":"dark","terminal":{"wrap":true}}').ui.terminal).toEqual({ wrap: true, time: 'off', numbers: true, fold: false });
  });

  it('keeps how lines are shown, and understands what was kept before there were more times than one', () => {
    const { ui, storage } = make('{"terminal":{"time":true}}');
    expect(ui.terminal.time).toBe('absolute');
    ui.setTerminal({ time: 'delta', fold: true });
    expect(storage.setItem).toHaveBeenLastCalledWith('corral.ui', expect.stringContaining('"time":"delta"'));
    expect(make('{"terminal":{"time":"nonsense"}}').ui.terminal.time).toBe('off');
  });

  it('finds the token in a pasted login link', () => {
    expect(tokenOf(' http://127.0.0.1:8477/login?token=abc ')).toBe('abc');
    expect(tokenOf('corral_xyz')).toBe('corral_xyz');
  });
});
