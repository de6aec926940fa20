import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// Classic scripts and one style sheet, the same for both: page.js is inlined in a file with its data (a page opened from
// disk may load no module), served.js asks a server. `vite build --mode served` makes the second beside the first.
export default defineConfig(({ mode }) => {
  const served = mode === "served";
  return {
    plugins: [svelte()],
    build: {
      outDir: "../src/unitscope/page/bundle",
      emptyOutDir: !served,
      target: "es2022",
      modulePreload: false,
      lib: {
        entry: served ? "src/served.ts" : "src/main.ts",
        formats: ["iife"],
        name: "unitscope",
        fileName: () => (served ? "served.js" : "page.js"),
        cssFileName: "page",
      },
    },
  };
});
