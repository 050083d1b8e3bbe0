/** A model picker in React. */
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { AccessProvider, useModelAccess } from "portcullis/react";
import { MODELS, USERS, askEdge } from "../demo.js";

function Option({ model }) {
  const { allowed, message, appeal } = useModelAccess(model);
  const reason = `reason-${model}`;
  return (
    <>
      <label>
        <input
          type="radio"
          name="model"
          value={model}
          disabled={!allowed}
          aria-describedby={allowed ? undefined : reason}
        />{" "}
        {model}
      </label>
      {!allowed && (
        <p className="reason" id={reason}>
          {message ?? "Not available."} {appeal && <a href={appeal}>Ask for a review</a>}
        </p>
      )}
    </>
  );
}

function Page() {
  const [user, setUser] = useState("");
  const [answer, setAnswer] = useState("");
  return (
    <>
      <h1>A model picker in React</h1>
      <label>
        User{" "}
        <select
          id="user"
          value={user}
          onChange={({ target }) => {
            setUser(target.value);
            setAnswer("");
          }}
        >
          {Object.entries(USERS).map(([key, name]) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <AccessProvider credential={user || undefined}>
        <fieldset>
          <legend>Model</legend>
          {MODELS.map((model) => (
            <Option key={model} model={model} />
          ))}
        </fieldset>
      </AccessProvider>
      <h2>The edge enforces</h2>
      <p>
        The picker is advice. This sends a request for <code>mythos-5</code> whatever the picker
        says:
      </p>
      <button
        type="button"
        id="ask"
        onClick={async () => setAnswer(await askEdge(user, "mythos-5"))}
      >
        Send it to the edge
      </button>
      <pre id="answer" role="status">
        {answer}
      </pre>
    </>
  );
}

createRoot(document.getElementById("root")).render(<Page />);
