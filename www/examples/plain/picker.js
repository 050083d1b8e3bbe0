/** A model picker in plain HTML. The elements need no script of the page but the first import. */
import { fetchAccess } from "portcullis/browser";
import { provideAccess } from "portcullis/element";
import { USERS, askEdge } from "../demo.js";

const user = document.getElementById("user");
for (const [key, name] of Object.entries(USERS)) user.append(new Option(name, key));

// Without these lines the elements ask for the user of the page's own session. This page plays
// several users, so it gives the answer for the chosen one.
function choose() {
  const credential = user.value || undefined;
  provideAccess(fetchAccess(undefined, { credential }));
  answer.textContent = "";
}

const answer = document.getElementById("answer");
user.addEventListener("change", choose);
choose();

document.getElementById("ask").addEventListener("click", async () => {
  answer.textContent = await askEdge(user.value, "mythos-5");
});
