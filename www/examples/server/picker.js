/** The script of the page that a server renders: it defines the element. */
import "portcullis/element";
import { askEdge } from "../demo.js";

const answer = document.getElementById("answer");
document.getElementById("ask").addEventListener("click", async () => {
  answer.textContent = await askEdge(document.getElementById("user").value, "mythos-5");
});
