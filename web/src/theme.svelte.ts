// Light or dark, for what is drawn on a canvas; everything else follows the style sheet.

import type { Theme } from "./colour";

const dark = matchMedia("screen and (prefers-color-scheme: dark)");

export const scheme = $state<{ theme: Theme }>({ theme: dark.matches ? "dark" : "light" });

dark.addEventListener("change", () => (scheme.theme = dark.matches ? "dark" : "light"));
