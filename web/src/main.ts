// The page as one file, with its data in it.

import { begin } from "./begin";
import { inlinedSource } from "./inlined";

begin(inlinedSource());
