"""Chinese for what the shop says besides refusals: codes, field rules, missing rows, parts that are down."""

from typing import Final

GENERAL: Final = {
    "Invalid Parameter": "参数错误",
    "Unauthorized": "未授权",
    "Internal Server Error": "服务器内部错误",
    "Not Found": "未找到",
    "Method Not Allowed": "不支持该请求方法",
    "Already Exists": "已存在",
    "Request Timeout": "请求超时",
    "Too Many Requests": "请求过于频繁",
    "Payload Too Large": "请求体过大",
    "Forbidden": "禁止访问",
    "Deadline Exceeded": "处理超时",
    "Service Unavailable": "服务暂不可用",
    "Unimplemented": "尚未实现",
    "Aborted": "已中止",
    "Conflict": "冲突",
    "Unprocessable": "无法处理",
    "Too Early": "尚未完成，请稍后再试",
}
"""The meanings of the general codes."""

RULES: Final = {
    "must be greater than {bound}": "必须大于 {bound}",
    "must be at least {bound}": "不能小于 {bound}",
    "must be less than {bound}": "必须小于 {bound}",
    "must be at most {bound}": "不能大于 {bound}",
    "must be 0 or more": "不能小于 0",
    "must have at least {count} character": "至少 {count} 个字符",
    "must have at least {count} characters": "至少 {count} 个字符",
    "must have at most {count} character": "最多 {count} 个字符",
    "must have at most {count} characters": "最多 {count} 个字符",
    "must have at least {count} item": "至少 {count} 项",
    "must have at least {count} items": "至少 {count} 项",
    "must have at most {count} item": "最多 {count} 项",
    "must have at most {count} items": "最多 {count} 项",
    "must have at most {count} bytes": "最多 {count} 字节",
    "must match the pattern {rest}": "必须匹配模式 {rest}",
    "must be one of {rest}": "必须是以下之一：{rest}",
    "must be none of {rest}": "不能是以下之一：{rest}",
    "is required": "不能为空",
    "must be an object": "必须是对象",
    "is not valid JSON": "不是有效的 JSON",
    "is out of range": "超出范围",
    "is too long": "过长",
    "must be 1 to 255 printable ASCII characters": "必须是 1 到 255 个可打印的 ASCII 字符",
    "it was used before, with another request": "已用于另一个请求",
}
"""What can be wrong with a field. The caller is told "field: problem"."""

SENTENCES: Final = {
    "{noun} {id} does not exist": "{noun} {id} 不存在",
    "a {noun} with this {field} exists already": "已存在相同 {field} 的{noun}",
    "the database does not answer; try again": "数据库没有响应，请重试",
    "the store does not answer; try again": "存储没有响应，请重试",
    "the queue does not answer; try again": "队列没有响应，请重试",
    "the queue is full; try again": "队列已满，请重试",
    "a part of the shop does not answer; try again": "商城的部分服务没有响应，请重试",
    "the service is stopping; try again": "服务正在停止，请重试",
    "too many requests are waiting; try again in a moment": "等待的请求过多，请稍后再试",
    "the shop could not take this order; try again": "未能受理该订单，请重试",
    "the flash sale is being set; try again in a moment": "秒杀正在设置中，请稍后再试",
    "the flash sale of this product is being set; try again": "该商品的秒杀正在设置中，请重试",
    "this flash sale is being set by somebody else; try again": "该秒杀正由他人设置，请重试",
    "Redis restarted while the flash sale was being set; set it again": "设置秒杀时 Redis 重启，请重新设置",
    "Redis has restarted and its flash sales are being counted; try again in a moment": (
        "Redis 已重启，秒杀库存正在核对，请稍后再试"
    ),
    "the shop can't tell what became of this order; look at your orders later": "暂时无法得知订单结果，请稍后查看订单",
    "the shop could not place this order by itself and put it aside; somebody looks at it": (
        "订单未能自动处理，已搁置，将由人工处理"
    ),
    "this flash sale was set by somebody else at the same time; look and try again": (
        "该秒杀同时被他人设置，请查看后重试"
    ),
    "{count} units that were sold before are still being booked; try again in a moment": (
        "之前售出的 {count} 件仍在入账，请稍后再试"
    ),
    "{field}: coupon {id} is used; it can't be changed any more": "{field}：优惠券 {id} 已使用，不能再修改",
    "status: only an order uses a coupon": "status：优惠券只能由订单使用",
    "coupon {id} is used by an order; it can't be deleted": "优惠券 {id} 已被订单使用，不能删除",
    "{field}: a placed order can't be changed": "{field}：已下的订单不能修改",
    "status: an order of status {from_} can't go to {to}": "status：状态为 {from_} 的订单不能变为 {to}",
    "order {id} is live; only done and cancelled orders can be deleted": (
        "订单 {id} 仍有效，只能删除已完成或已取消的订单"
    ),
    "{field}: a payment keeps what its order says": "{field}：支付单以订单为准，不能修改",
    "status: a payment goes from {from_} to {to} and no other way": "status：支付单只能从 {from_} 变为 {to}",
    "payment {id} belongs to a live order; it can't be deleted": "支付单 {id} 属于有效订单，不能删除",
    "productID: a stock row keeps its product; delete it and create another": (
        "productID：库存记录不能更换商品，请删除后重新创建"
    ),
    "stock: this product is on flash sale; set its stock with setFlashSale": (
        "stock：该商品正在秒杀，请用 setFlashSale 设置库存"
    ),
    "this product is on flash sale; set its flash-sale stock to 0 first": "该商品正在秒杀，请先把秒杀库存设为 0",
}
"""Whole sentences that are not in the table of refusals."""

NOUNS: Final = {
    "user": "用户",
    "product": "商品",
    "order": "订单",
    "coupon": "优惠券",
    "stock row": "库存记录",
    "payment": "支付单",
}
