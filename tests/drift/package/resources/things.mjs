// The style of generated clients.
export class Things extends APIResource {
  list(query, options) {
    return this._client.getAPIList("/things", Page, { query, ...options });
  }
  retrieve(thingID, options) {
    return this._client.get(path`/things/${thingID}`, options);
  }
  create(body, options) {
    return this._client.post("/things?beta=true", { body, ...options });
  }
  start(thingID, options) {
    return this._client.post(path`/things/${thingID}/start`, options);
  }
  batch(body, options) {
    return this._client.post("/things/batch", { body, ...options });
  }
  search(body, options) {
    return this._client.getAPIList("/things/search", Page, { body, method: "post", ...options });
  }
  blob(name, options) {
    return this._client.get(path`/blobs/${name}`, options);
  }
}
