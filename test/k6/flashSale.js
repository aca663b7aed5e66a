// A flash sale under load: k6 run --vus 10000 --duration 1s test/k6/flashSale.js
//
// STOCK=1000 sets the sale first; the settings stand in shop.js.

import { AMOUNT, buyer, count, post, product } from './shop.js';

export { options, open as setup, close as teardown } from './shop.js';

export default function () {
  count(post('/api/v1/flashSale', { userID: buyer(), productID: product(), amount: AMOUNT }), 'accepted');
}
