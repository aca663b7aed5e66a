// Lists under load: k6 run --vus 100 --duration 10s test/k6/list.js
//
// LISTS      which lists, taken in turn: order,stock,product,user,coupon
// PAGE       page number, 0
// PAGES      number of pages, from PAGE on, that are read in turn, far from each other, 1
// PAGE_SIZE  rows per page, 10
// COUNT_ROWS=no
//            don't look into the answers, so that k6 leaves more of the machine to the shop
// BASE_URL   as in shop.js

import { Counter } from 'k6/metrics';
import exec from 'k6/execution';
import { count, get } from './shop.js';

export { options, open as setup, close as teardown } from './shop.js';

const lists = (__ENV.LISTS || 'order,stock,product,user,coupon').split(',');
const PAGE = Number(__ENV.PAGE || 0);
const PAGES = Number(__ENV.PAGES || 1);
const PAGE_SIZE = Number(__ENV.PAGE_SIZE || 10);
const SKIP = __ENV.COUNT_ROWS === 'no';
// Prime, and not near any number of pages: one reader's page is far from the one before.
const STRIDE = 7368787;
const rows = new Counter('rows');

export default function () {
  const turn = exec.scenario.iterationInTest;
  const list = lists[turn % lists.length];
  const page = PAGE + (PAGES > 1 ? (turn * STRIDE) % PAGES : 0);
  const path = `/api/v1/${list}/list`;
  const response = get(`${path}?page=${page}&limit=${PAGE_SIZE}`, path, SKIP);
  if (count(response, 'listed') === 'listed' && !SKIP) {
    rows.add(response.json(`data.${list}s.#`));
  }
}
