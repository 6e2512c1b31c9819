// The overview.

import { fillCounts } from "./counts.js";

fillCounts();
