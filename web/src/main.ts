import { mount } from "svelte";

import App from "./App.svelte";
import { scaleSheet } from "./colour";
import { inlinedSource } from "./inlined";
import "./style.css";

const sheet = new CSSStyleSheet();
sheet.replaceSync(scaleSheet());
document.adoptedStyleSheets.push(sheet);

mount(App, { target: document.getElementById("app")!, props: { source: inlinedSource() } });
