// The page: what may be chosen, then the two halves of it.

import { call } from "./api.js";
import * as jobList from "./job_list.js";
import * as upload from "./upload.js";

const choices = await call("/choices");
upload.setUp(choices);
jobList.setUp();
document.getElementById("logout").hidden = !choices.has_token;
document.getElementById("kept").textContent =
  (choices.keep_days === null ? "Results are kept until they are deleted." : `Results are kept for ${choices.keep_days} days.`) +
  ` fliptrace ${choices.version}`;
