"""Who and what the demo company deals with: made-up people and firms of three markets, and the goods they buy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random

CHINESE_SURNAMES = """
    李/li 王/wang 张/zhang 刘/liu 陈/chen 杨/yang 赵/zhao 黄/huang 周/zhou 吴/wu 徐/xu 孙/sun 胡/hu 朱/zhu 高/gao
    林/lin 何/he 郭/guo 马/ma 罗/luo 梁/liang 宋/song 郑/zheng 谢/xie 韩/han 唐/tang 冯/feng 于/yu 董/dong 萧/xiao
    程/cheng 曹/cao 欧阳/ouyang 司马/sima 诸葛/zhuge
"""
CHINESE_GIVEN = """
    伟/wei 芳/fang 娜/na 敏/min 静/jing 丽/li 强/qiang 磊/lei 军/jun 洋/yang 勇/yong 艳/yan 杰/jie 涛/tao 明/ming
    超/chao 秀兰/xiulan 霞/xia 平/ping 刚/gang 桂英/guiying 建华/jianhua 志强/zhiqiang 小红/xiaohong 雨桐/yutong
    子涵/zihan 浩然/haoran 欣怡/xinyi 思远/siyuan 梦瑶/mengyao 晓明/xiaoming 文博/wenbo 佳慧/jiahui 宇轩/yuxuan
    诗涵/shihan 俊杰/junjie
"""
CHINESE_BRANDS = """
    华瑞/huarui 恒通/hengtong 锦江/jinjiang 瑞丰/ruifeng 东海/donghai 天成/tiancheng 明德/mingde 远景/yuanjing
    金桥/jinqiao 星辰/xingchen 绿洲/luzhou 和盛/hesheng 新翼/xinyi 博雅/boya 宏图/hongtu 银河/yinhe 白云/baiyun
    长青/changqing 海川/haichuan 乐居/leju 中联/zhonglian 雅诗/yashi 云栖/yunqi 同创/tongchuang 万象/wanxiang
    晨光/chenguang 福满/fuman 百味/baiwei
"""
CHINESE_TRADES = """
    科技/technology 酒店/hotels 餐饮/restaurants 贸易/retail 教育/education 医疗/health 物流/logistics 设计/services
"""
ENGLISH_GIVEN = """
    James Mary Robert Linda Michael Susan David Karen Daniel Nancy Paul Laura Kevin Emma Brian Olivia Jason Grace
    Eric Chloe
"""
ENGLISH_SURNAMES = """
    Smith Johnson Brown Miller Davis Wilson Anderson Taylor Moore Jackson Martin Lee Thompson White Harris Clark
    Lewis Walker Young Allen King Wright Scott O'Neill Baker Carter
"""
EUROPEAN_GIVEN = """
    Anna Lukas Marie Jonas Léa Hugo Camille Jürgen Sofía Pablo Giulia Marco Ingrid Søren Zoë Matteo Élodie Björn
    Katarzyna Tomáš Inês Nuno Lotte Pieter
"""
EUROPEAN_SURNAMES = """
    Müller Schmidt Fischer Weber Wagner Becker Dubois Moreau Lefèvre Laurent García Fernández Rossi Ferrari Bianchi
    Jensen Lindström Kowalski Novák Silva van_Dijk de_Vries Šimić Øster
"""
AMERICAN_BRANDS = """
    Bluebird Cascade Copperleaf Evergreen Foxglove Granite Harborview Ironwood Juniper Keystone Lakeshore Maplewood
    Northstar Oakridge Pinecrest Quarry Redwood Silverline Summit Timberline Vantage Westwind
"""
EUROPEAN_BRANDS = """
    Alpenblick Bellevue Castello Dorado Edelweiß Fjord Gutenberg Hanse Isola Jardin Kranich Lumière Montana Nordlys
    Orla Panorama Quartier Rheingold Soleil Tivoli Valor Zenit
"""
AMERICAN_TRADES = """
    Software/technology Hotels/hotels Kitchens/restaurants Outfitters/retail College/education Clinics/health
    Freight/logistics Partners/services
"""
EUROPEAN_TRADES = """
    Systeme/technology Hôtels/hotels Trattoria/restaurants Handel/retail Akademie/education Klinik/health
    Spedition/logistics Atelier/services
"""


@dataclass(frozen=True)
class Place:
    """A town with what its addresses and telephone numbers look like."""

    city: str
    region: str
    country: str
    postcode: str
    streets: tuple[str, ...]
    dial: str


@dataclass(frozen=True)
class Market:
    """Where the company sells: its currency, taxes, language and clock, who sells there, and how people pay."""

    name: str
    currency: str
    tax_rate: Decimal
    language: str
    utc_offset: int
    """hours ahead of UTC"""
    teams: dict[str, tuple[str, ...]]
    """The sales representatives by team"""
    methods: tuple[str, ...]
    """of payment, for consumers"""
    carriers: tuple[str, ...]
    legal: tuple[str, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Named:
    """A name as it is written, and a form of it for an e-mail address."""

    name: str
    mailbox: str


CHINA = Market(
    "China",
    "CNY",
    Decimal("0.13"),
    "zh",
    8,
    {"East China": ("lin.yue", "zhao.min", "chen.bo"), "South China": ("huang.jie", "he.xin", "liang.wen")},
    ("alipay", "wechat pay", "card"),
    ("SF Express", "JD Logistics", "ZTO"),
    ("有限公司", "股份有限公司"),
    (
        Place("上海", "上海", "CN", "200040", ("南京西路", "淮海中路", "世纪大道"), "+86 21 5555"),
        Place("杭州", "浙江", "CN", "310012", ("文三路", "延安路"), "+86 571 5555"),
        Place("苏州", "江苏", "CN", "215021", ("星湖街", "人民路"), "+86 512 5555"),
        Place("南京", "江苏", "CN", "210008", ("中山路", "珠江路"), "+86 25 5555"),
        Place("深圳", "广东", "CN", "518048", ("深南大道", "福华三路"), "+86 755 5555"),
        Place("广州", "广东", "CN", "510623", ("天河路", "珠江东路"), "+86 20 5555"),
        Place("成都", "四川", "CN", "610021", ("春熙路", "天府大道"), "+86 28 5555"),
        Place("北京", "北京", "CN", "100027", ("工人体育场北路", "建国门外大街"), "+86 10 5555"),
    ),
)
EUROPE = Market(
    "Europe",
    "EUR",
    Decimal("0.19"),
    "en",
    1,
    {"Europe": ("anna.weber", "luc.moreau", "pilar.garcia")},
    ("card", "paypal", "transfer"),
    ("DHL", "DPD", "GLS"),
    ("GmbH", "S.A.", "B.V.", "S.r.l."),
    (
        Place("Berlin", "Berlin", "DE", "10117", ("Friedrichstraße", "Torstraße"), "+49 30 5550"),
        Place("München", "Bayern", "DE", "80331", ("Sendlinger Straße", "Tal"), "+49 89 5550"),
        Place("Paris", "Île-de-France", "FR", "75002", ("rue Réaumur", "rue de la Paix"), "+33 1 5555"),
        Place("Madrid", "Madrid", "ES", "28013", ("Gran Vía", "Calle Mayor"), "+34 91 555"),
        Place("Milano", "Lombardia", "IT", "20121", ("Via Manzoni", "Corso Garibaldi"), "+39 02 5555"),
        Place("Amsterdam", "Noord-Holland", "NL", "1012", ("Damrak", "Keizersgracht"), "+31 20 555"),
    ),
)
AMERICAS = Market(
    "Americas",
    "USD",
    Decimal("0.08"),
    "en",
    -5,
    {"Americas": ("maya.johnson", "carlos.reyes", "beth.clark")},
    ("card", "paypal", "card"),
    ("UPS", "FedEx"),
    ("Inc.", "LLC", "Corp."),
    (
        Place("New York", "NY", "US", "10013", ("Canal Street", "Hudson Street"), "+1 212 555"),
        Place("Chicago", "IL", "US", "60605", ("Michigan Avenue", "State Street"), "+1 312 555"),
        Place("Austin", "TX", "US", "78701", ("Congress Avenue", "Guadalupe Street"), "+1 512 555"),
        Place("Seattle", "WA", "US", "98101", ("Pike Street", "Union Street"), "+1 206 555"),
        Place("Toronto", "ON", "CA", "M5H 2N2", ("King Street West", "Bay Street"), "+1 416 555"),
    ),
)
MARKETS = (CHINA, EUROPE, AMERICAS)

FIRST_LINE = ("sun.li", "tina.park", "omar.haddad", "xu.fei", "jo.martin")
TECHNICIANS = ("wang.gang", "eva.lindqvist", "raj.patel")

CHINESE_NEW_YEARS = """
    2019-02-05 2020-01-25 2021-02-12 2022-02-01 2023-01-22 2024-02-10 2025-01-29 2026-02-17 2027-02-06
    2028-01-26 2029-02-13 2030-02-03 2031-01-23 2032-02-11 2033-01-31 2034-02-19 2035-02-08
"""
CHINESE_NEW_YEAR = {day.year: day for day in map(date.fromisoformat, CHINESE_NEW_YEARS.split())}


def pairs(table: str) -> list[tuple[str, str]]:
    return [(left, right) for left, right in (entry.split("/") for entry in table.split())]


def person(rng: Random, market: Market) -> Named:
    """Somebody of that market; one in seven of those outside China has a Chinese name, too."""
    if market is CHINA or rng.random() < 0.14:
        surname, surname_latin = rng.choice(pairs(CHINESE_SURNAMES))
        given, given_latin = rng.choice(pairs(CHINESE_GIVEN))
        if market is CHINA:
            return Named(surname + given, f"{given_latin}.{surname_latin}")
        return Named(
            f"{given_latin.title()} {surname_latin.title()} ({surname}{given})", f"{given_latin}.{surname_latin}"
        )
    english = market is AMERICAS
    given = rng.choice((ENGLISH_GIVEN if english else EUROPEAN_GIVEN).split())
    surname = rng.choice((ENGLISH_SURNAMES if english else EUROPEAN_SURNAMES).split()).replace("_", " ")
    return Named(f"{given} {surname}", plain(f"{given}.{surname}"))


def firm(rng: Random, market: Market, place: Place) -> tuple[Named, str]:
    """An organisation's name, and its industry."""
    if market is CHINA:
        brand, latin = rng.choice(pairs(CHINESE_BRANDS))
        trade, industry = rng.choice(pairs(CHINESE_TRADES))
        return Named(f"{brand}({place.city}){trade}{rng.choice(market.legal)}", latin), industry
    brands, trades = (AMERICAN_BRANDS, AMERICAN_TRADES) if market is AMERICAS else (EUROPEAN_BRANDS, EUROPEAN_TRADES)
    brand = rng.choice(brands.split())
    trade, industry = rng.choice(pairs(trades))
    return Named(f"{brand} {trade} {place.city} {rng.choice(market.legal)}", plain(f"{brand}-{trade}")), industry


def plain(name: str) -> str:
    """The name with nothing but the letters of an e-mail address."""
    table = str.maketrans("üößéèëêíìñáàãôóśšŠøØćçžåäâîúõ", "uoseeeeiinaaaoossSoOcczaaaiuo")
    return "".join(
        sign for sign in name.translate(table).lower() if sign.isascii() and (sign.isalnum() or sign in ".-")
    )


@dataclass(frozen=True)
class Product:
    """Something in the catalogue. `prices` by currency, before tax; `demand` how often it is bought, by whom."""

    sku: str
    description: str
    kind: str
    """machine, office, grinder, beans, tea, accessory, part or service"""
    prices: dict[str, Decimal]
    consumers: float
    """How often consumers buy it, relative to others"""
    firms: float
    """How often organisations buy it, relative to others"""


def catalogue(table: str) -> tuple[Product, ...]:
    """One line a product: sku | description | kind | CNY EUR USD | demand of consumers, of firms."""
    products = []
    for line in table.strip().splitlines():
        sku, description, kind, prices, demand = (part.strip() for part in line.split("|"))
        cny, eur, usd = map(Decimal, prices.split())
        consumers, firms = map(float, demand.split())
        products.append(Product(sku, description, kind, {"CNY": cny, "EUR": eur, "USD": usd}, consumers, firms))
    return tuple(products)


PRODUCTS = catalogue("""
    ES-100 | Espresso machine Piccolo         | machine   | 1299 179.00 199.00        | 8 1
    ES-200 | Espresso machine Classico        | machine   | 2899 399.00 429.00        | 6 2
    ES-300 | Espresso machine Doppio          | machine   | 5499 749.00 799.00        | 3 3
    ES-400 | Espresso machine Maestro         | machine   | 8999 1249.00 1349.00      | 1 3
    FA-100 | Fully automatic machine Aroma    | machine   | 4299 579.00 629.00        | 4 3
    FA-200 | Fully automatic machine Aroma XL | machine   | 6999 949.00 999.00        | 2 4
    OF-500 | Office machine Forum 50          | office    | 15800 2190.00 2390.00     | 0 6
    OF-900 | Office machine Forum 90          | office    | 27500 3790.00 3990.00     | 0 4
    PR-2G  | Bar machine two groups           | office    | 46800 6450.00 6900.00     | 0 3
    PR-3G  | Bar machine three groups         | office    | 68800 9450.00 9990.00     | 0 2
    VE-10  | Vending column                   | office    | 38900 5290.00 5690.00     | 0 2
    WT-20  | Water treatment unit             | office    | 3600 489.00 519.00        | 0 4
    GR-10  | Grinder Uno                      | grinder   | 799 109.00 119.00         | 7 1
    GR-20  | Grinder Duo                      | grinder   | 1699 229.00 249.00        | 3 3
    GR-90  | Bar grinder Torre                | grinder   | 7900 1090.00 1190.00      | 0 3
    BN-YU  | Beans Yunnan, 1 kg               | beans     | 128 18.50 19.90           | 16 14
    BN-ET  | Beans Yirgacheffe, 1 kg          | beans     | 168 23.90 25.90           | 14 10
    BN-BR  | Beans Santos, 1 kg               | beans     | 98 13.90 14.90            | 12 16
    BN-HB  | House blend, 1 kg                | beans     | 88 12.50 13.50            | 10 20
    BN-DC  | Decaf, 1 kg                      | beans     | 138 19.50 20.90           | 4 4
    TE-LJ  | Longjing tea, 250 g              | tea       | 268 37.00 39.00           | 7 4
    TE-PE  | Pu'er cake, 357 g                | tea       | 398 54.00 58.00           | 5 3
    TE-GB  | Gift box of teas                 | tea       | 588 79.00 85.00           | 6 5
    AC-CP  | Cups, set of six                 | accessory | 219 29.90 32.90           | 6 5
    AC-MJ  | Milk jug                         | accessory | 89 12.90 13.90            | 6 4
    AC-TP  | Tamper                           | accessory | 159 21.90 23.90           | 5 2
    AC-CL  | Cleaning set                     | accessory | 69 9.50 10.50             | 9 12
    SP-GK  | Gasket kit                       | part      | 49 6.90 7.50              | 4 6
    SP-PU  | Pump                             | part      | 329 45.00 49.00           | 2 4
    SV-ST  | Service plan Standard, a year    | service   | 1200 165.00 179.00        | 1 6
    SV-PR  | Service plan Premium, a year     | service   | 3600 490.00 529.00        | 0 4
""")
BY_SKU = {product.sku: product for product in PRODUCTS}

COMPETITORS = ("Lavanda", "Bonafé", "CaffèTron", "星茗", "Brewline")
LOST_REASONS = ("price", "competitor", "no budget", "timing", "no decision", "other")
LOST_WEIGHTS = (30, 24, 16, 12, 12, 6)
TAGS = (
    "newsletter",
    "vip",
    "fair 展会",
    "reference customer",
    "late payer",
    "service contract",
    "tea lover",
    "reseller",
)
SOURCES = ("web form", "trade fair", "referral", "cold call", "partner")
