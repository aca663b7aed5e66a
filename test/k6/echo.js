// The yardstick: k6 run --vus 200 --duration 10s test/k6/echo.js
//
// Sends a flash sale's body to a server that only sends it back. BASE_URL and the rest stand in shop.js.

import { AMOUNT, buyer, count, post, product } from './shop.js';

export { options, open as setup, close as teardown } from './shop.js';

export default function () {
  count(post('/echo', { userID: buyer(), productID: product(), amount: AMOUNT }), 'echoed');
}
