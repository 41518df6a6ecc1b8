"""What people say in the demo company: to its sellers and to its support, in Chinese and in English."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

Phrases = Mapping[str, tuple[str, ...]]
"""What is said, by language."""

CALLS = {
    "zh": ("询问新款机器", "确认报价", "回访使用情况", "讨论年度采购", "节日礼盒需求", "预约演示"),
    "en": (
        "Asked about new machines",
        "Quote discussed",
        "How is the machine doing?",
        "Yearly supply",
        "Demo arranged",
    ),
}
NOTES = {
    "zh": ("客户希望下周收到报价。", "对价格比较敏感,关注售后。", "已安排试用两周。", "负责人出差,月底再联系。"),
    "en": (
        "Wants a quote next week.",
        "Price matters, service matters more.",
        "Trial of two weeks agreed.",
        "Call again.",
    ),
}
DEALS = {
    "zh": (
        "办公室咖啡方案",
        "门店设备升级",
        "酒店早餐机",
        "茶礼年度采购",
        "咖啡豆年度供应",
        "吧台整体改造",
        "展厅样机",
    ),
    "en": (
        "Office coffee",
        "Bar refit",
        "Breakfast machines",
        "Yearly supply of beans",
        "Tea gifts",
        "New branch",
        "Lobby bar",
    ),
}
CONCERNS: dict[str, Phrases] = {
    "fault": {
        "zh": ("机器不出水", "研磨机异响", "屏幕不亮", "漏水", "压力不足"),
        "en": ("No water comes out", "Grinder makes a noise", "Display stays dark", "It leaks", "No pressure"),
    },
    "repair": {
        "zh": ("申请保养", "更换密封圈", "水泵维修"),
        "en": ("Maintenance due", "Gasket to be replaced", "Pump repair"),
    },
    "complaint": {
        "zh": ("收到破损包裹", "送货延误", "发错商品", "发票金额有误"),
        "en": ("Parcel arrived damaged", "Delivery is late", "Wrong article sent", "Invoice is wrong"),
    },
    "question": {
        "zh": ("如何除垢?", "是否支持7天退货", "能否开增值税发票", "豆子的烘焙日期"),
        "en": ("How do I descale it?", "Can I return it?", "Do you ship to our branch?", "When was it roasted?"),
    },
}
STORIES = {
    "zh": ("昨天开始出现这个问题,请尽快处理。", "已经重启过两次,没有改善。", "麻烦帮忙看一下,谢谢。"),
    "en": ("It began yesterday, please help soon.", "Restarted it twice, no better.", "Could you have a look? Thanks."),
}
ANSWERS = {
    "zh": ("您好,已收到,正在核实。", "请提供机器序列号和照片。", "工程师明天上门。", "新配件已寄出。"),
    "en": (
        "Thanks, we are looking into it.",
        "Please send the serial number.",
        "A technician comes tomorrow.",
        "Part sent.",
    ),
}
REPLIES = {
    "zh": ("序列号已发送。", "可以,明天上午方便。", "还是不行。", "收到,谢谢。"),
    "en": ("Here is the number.", "Tomorrow morning is fine.", "Still the same.", "Received, thank you."),
}
RESOLUTIONS = {
    "zh": ("更换密封圈后恢复正常。", "已补发商品。", "已重新开具发票。", "远程指导除垢,问题解决。"),
    "en": (
        "Gasket replaced, works again.",
        "Article sent again.",
        "Invoice corrected.",
        "Descaled with us on the phone.",
    ),
}
COMMENTS = {
    1: {"zh": "等了太久。", "en": "Took far too long."},
    2: {"zh": "沟通不够及时。", "en": "Had to ask three times."},
    3: {"zh": "还可以。", "en": "All right in the end."},
    4: {"zh": "处理得不错。", "en": "Good work."},
    5: {"zh": "非常满意!", "en": "Excellent, thank you!"},
}


def say(rng: Random, phrases: Phrases, language: str) -> str:
    return rng.choice(phrases[language])
