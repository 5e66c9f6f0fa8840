// Sets the theme before the first paint. A file of its own, because the host's policy allows no inline script.
(() => {
  let choice = 'system';
  try {
    choice = JSON.parse(localStorage.getItem('corral.ui') || '{}').theme || 'system';
  } catch {
    // Storage may be switched off; the system's choice is a good answer then.
  }
  const dark = choice === 'dark' || (choice === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.toggle('dark', dark);
})();
