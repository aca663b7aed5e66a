// Lists under load: k6 run --vus 100 --duration 10s test/k6/list.js
//
// LISTS      which lists, taken in turn: order,stock,product,user,coupon
// PAGE       page number, 0
// PAGE_SIZE  rows per page, 10
// BASE_URL   as in shop.js

import { Counter } from 'k6/metrics';
import exec from 'k6/execution';
import { count, get } from './shop.js';

export { options } from './shop.js';

const lists = (__ENV.LISTS || 'order,stock,product,user,coupon').split(',');
const query = `page=${__ENV.PAGE || 0}&limit=${__ENV.PAGE_SIZE || 10}`;
const rows = new Counter('rows');

export default function () {
  const list = lists[exec.scenario.iterationInTest % lists.length];
  const response = get(`/api/v1/${list}/list?${query}`, `/api/v1/${list}/list`);
  if (count(response, 'listed') === 'listed') {
    rows.add(response.json(`data.${list}s.#`));
  }
}
