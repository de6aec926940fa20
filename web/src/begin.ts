// Puts the page into its document.

import { mount } from "svelte";

import App from "./App.svelte";
import { scaleSheet } from "./colour";
import type { Source } from "./contract";
import "./style.css";

export function begin(source: Source): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(scaleSheet());
  document.adoptedStyleSheets.push(sheet);
  mount(App, { target: document.getElementById("app")!, props: { source } });
}
