/** No contender: it takes a request and decides nothing. Its time is that of cutting the texts. */
export const source = () => "";

export const load = () => ({
  account: (record) => record,
  decide: ({ model }) => model.length > 3,
});
