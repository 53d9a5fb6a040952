/* Light or dark, decided before the first paint (a classic script: modules run too late for that). */
(() => {
  const KEY = "aisle-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;

  const stored = () => {
    try {
      const value = localStorage.getItem(KEY);
      return value === "light" || value === "dark" ? value : null;
    } catch {
      return null; // storage may be refused: the choice then lasts as long as the page
    }
  };

  const store = (value) => {
    try {
      if (value === null) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, value);
    } catch {
      /* see stored() */
    }
  };

  const systemTheme = () => (system.matches ? "dark" : "light");
  const shown = () => root.dataset.theme ?? systemTheme();
  const apply = (value) => {
    if (value === null) delete root.dataset.theme;
    else root.dataset.theme = value;
  };

  apply(stored());

  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      const next = shown() === "dark" ? "light" : "dark";
      const choice = next === systemTheme() ? null : next; // back in step with the system: follow it again
      apply(choice);
      store(choice);
    });
  });
})();
