"""The words of the story world, each with its Chinese counterpart.

Every word that can be drawn is listed here once. Stories use the English side; notes
and the translation task use both. British spelling throughout.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A word and its Chinese translation."""

    english: str
    chinese: str


@dataclass(frozen=True)
class Name(Word):
    """A first name; ``gender`` is "she" or "he"."""

    gender: str


@dataclass(frozen=True)
class Job(Word):
    """A job; ``typical`` is the gender that a biased world favours for it."""

    typical: str


@dataclass(frozen=True)
class Relation(Word):
    """Who the second person is to the first; ``gender`` is "" where both can be."""

    gender: str


@dataclass(frozen=True)
class Place(Word):
    """A place, with the preposition that English wants before it ("on the hill")."""

    preposition: str

    @property
    def phrase(self) -> str:
        """Where somebody is: "on the hill"."""
        return f"{self.preposition} the {self.english}"


@dataclass(frozen=True)
class Noun(Word):
    """A thing or an animal, with the measure word that Chinese wants before it."""

    measure: str


@dataclass(frozen=True)
class Pronouns:
    """The forms of "she" or "he"."""

    subject: str
    possessive: str

    @property
    def Possessive(self) -> str:
        """The possessive at the start of a sentence."""
        return self.possessive.capitalize()


PRONOUNS = {"she": Pronouns("she", "her"), "he": Pronouns("he", "his")}


def with_article(phrase: str) -> str:
    """Put "a" or "an" before an English phrase, by its first letter."""
    article = "an" if phrase[0] in "aeiou" else "a"
    return f"{article} {phrase}"


def _table(kind: type, rows: str) -> tuple:
    """Read one entry a line: the fields of ``kind``, separated by commas."""
    lines = (line.strip() for line in rows.strip().splitlines())
    return tuple(kind(*(cell.strip() for cell in line.split(","))) for line in lines)


NAMES = _table(
    Name,
    """
    Mia, 米娅, she
    Anna, 安娜, she
    Lily, 莉莉, she
    Emma, 艾玛, she
    Nora, 诺拉, she
    Ruth, 露丝, she
    Clara, 克拉拉, she
    Alice, 爱丽丝, she
    Sara, 萨拉, she
    Julia, 茱莉亚, she
    Eva, 伊娃, she
    Ella, 埃拉, she
    Grace, 格蕾丝, she
    Helen, 海伦, she
    Kate, 凯特, she
    Lucy, 露西, she
    Maria, 玛丽亚, she
    Laura, 劳拉, she
    Molly, 莫莉, she
    Tom, 汤姆, he
    Ben, 本杰, he
    Max, 马克斯, he
    Leo, 利奥, he
    Sam, 山姆, he
    Jack, 杰克, he
    Adam, 亚当, he
    Paul, 保罗, he
    Peter, 彼得, he
    David, 大卫, he
    Oscar, 奥斯卡, he
    Hugo, 雨果, he
    Felix, 菲利克斯, he
    Noah, 诺亚, he
    Simon, 西蒙, he
    Daniel, 丹尼尔, he
    Henry, 亨利, he
    George, 乔治, he
    Luke, 卢克, he
    """,
)

JOBS = _table(
    Job,
    """
    nurse, 护士, she
    teacher, 老师, she
    dancer, 舞者, she
    singer, 歌手, she
    librarian, 图书管理员, she
    weaver, 织布工, she
    florist, 花商, she
    tailor, 裁缝, she
    cleaner, 清洁工, she
    baker, 面包师, she
    poet, 诗人, she
    actor, 演员, she
    pilot, 飞行员, he
    farmer, 农民, he
    doctor, 医生, he
    engineer, 工程师, he
    plumber, 水管工, he
    sailor, 水手, he
    carpenter, 木匠, he
    driver, 司机, he
    miller, 磨坊主, he
    soldier, 士兵, he
    fisherman, 渔民, he
    butcher, 屠夫, he
    """,
)

RELATIONS = _table(
    Relation,
    """
    friend, 朋友,
    neighbour, 邻居,
    cousin, 表亲,
    sister, 姐妹, she
    aunt, 姑姑, she
    brother, 兄弟, he
    uncle, 叔叔, he
    grandmother, 祖母, she
    grandfather, 祖父, he
    """,
)

PLACES = _table(
    Place,
    """
    garden, 花园里, in
    market, 市场, at
    library, 图书馆, in
    kitchen, 厨房, in
    hill, 山上, on
    lake, 湖边, by
    forest, 森林里, in
    station, 车站, at
    museum, 博物馆, in
    harbour, 港口, at
    beach, 海滩上, on
    tower, 塔楼里, in
    barn, 谷仓里, in
    school, 学校, at
    attic, 阁楼里, in
    cellar, 地窖里, in
    bridge, 桥上, on
    river, 河边, by
    theatre, 剧院, at
    park, 公园里, in
    tent, 帐篷里, in
    island, 岛上, on
    fountain, 喷泉边, by
    castle, 城堡里, in
    mill, 磨坊里, at
    cave, 山洞里, in
    field, 田野里, in
    bakery, 面包店, at
    hotel, 旅馆, at
    village, 村子里, in
    """,
)

WEATHER = _table(
    Word,
    """
    cold, 寒冷
    rainy, 下雨
    sunny, 晴朗
    windy, 刮风
    foggy, 有雾
    snowy, 下雪
    cloudy, 多云
    warm, 温暖
    stormy, 暴风雨
    quiet, 安静
    hot, 炎热
    bright, 明亮
    icy, 冰冷
    """,
)

TIMES = _table(
    Word,
    """
    morning, 早上
    afternoon, 下午
    evening, 晚上
    day, 日子
    Monday, 星期一
    Tuesday, 星期二
    Wednesday, 星期三
    Thursday, 星期四
    Friday, 星期五
    Saturday, 星期六
    Sunday, 星期日
    """,
)

VERBS = _table(
    Word,
    """
    found, 找到了
    bought, 买了
    made, 做了
    borrowed, 借了
    won, 赢得了
    got, 得到了
    repaired, 修好了
    painted, 涂了
    cleaned, 擦干净了
    polished, 擦亮了
    received, 收到了
    chose, 挑选了
    discovered, 发现了
    carried, 搬来了
    collected, 收集了
    rented, 租了
    designed, 设计了
    tested, 试用了
    wrapped, 包好了
    ordered, 订购了
    """,
)

STAYS = _table(
    Word,
    """
    waited, 等待
    slept, 睡觉
    worked, 工作
    sat, 坐着
    played, 玩耍
    hid, 躲藏
    sang, 唱歌
    """,
)

QUALITIES = _table(
    Word,
    """
    small, 小
    big, 大
    heavy, 沉重
    light, 轻巧
    new, 崭新
    ancient, 古老
    strange, 奇怪
    pretty, 漂亮
    round, 圆
    ordinary, 普通
    """,
)

COLOURS = _table(
    Word,
    """
    red, 红色
    blue, 蓝色
    green, 绿色
    yellow, 黄色
    white, 白色
    black, 黑色
    orange, 橙色
    purple, 紫色
    brown, 棕色
    silver, 银色
    golden, 金色
    grey, 灰色
    pink, 粉色
    """,
)

MOODS = _table(
    Word,
    """
    old, 年老
    angry, 生气
    hungry, 饥饿
    sleepy, 困倦
    clever, 聪明
    shy, 害羞
    noisy, 吵闹
    friendly, 友好
    lazy, 懒惰
    brave, 勇敢
    happy, 快乐
    ugly, 丑陋
    wild, 野生
    curious, 好奇
    """,
)

THINGS = _table(
    Noun,
    """
    ball, 球, 个
    kite, 风筝, 只
    book, 书, 本
    lamp, 灯, 盏
    hat, 帽子, 顶
    ring, 戒指, 枚
    key, 钥匙, 把
    map, 地图, 张
    clock, 钟, 座
    drum, 鼓, 面
    cup, 杯子, 个
    coat, 外套, 件
    box, 盒子, 个
    doll, 娃娃, 个
    flute, 笛子, 支
    coin, 硬币, 枚
    basket, 篮子, 个
    bell, 铃铛, 个
    scarf, 围巾, 条
    mirror, 镜子, 面
    letter, 信, 封
    rope, 绳子, 根
    shell, 贝壳, 个
    boot, 靴子, 只
    candle, 蜡烛, 支
    spoon, 勺子, 把
    bottle, 瓶子, 个
    brush, 刷子, 把
    vase, 花瓶, 个
    blanket, 毯子, 条
    guitar, 吉他, 把
    button, 纽扣, 颗
    feather, 羽毛, 根
    pillow, 枕头, 个
    wheel, 轮子, 个
    spade, 铲子, 把
    bucket, 水桶, 只
    ladder, 梯子, 架
    anchor, 锚, 个
    helmet, 头盔, 顶
    teapot, 茶壶, 把
    ribbon, 丝带, 条
    stool, 凳子, 张
    jacket, 夹克, 件
    marble, 弹珠, 颗
    """,
)

ANIMALS = _table(
    Noun,
    """
    cat, 猫, 只
    dog, 狗, 只
    horse, 马, 匹
    goat, 山羊, 只
    parrot, 鹦鹉, 只
    rabbit, 兔子, 只
    mouse, 老鼠, 只
    owl, 猫头鹰, 只
    duck, 鸭子, 只
    fox, 狐狸, 只
    hen, 母鸡, 只
    donkey, 驴, 头
    turtle, 乌龟, 只
    cow, 牛, 头
    sheep, 绵羊, 只
    pig, 猪, 头
    crow, 乌鸦, 只
    frog, 青蛙, 只
    monkey, 猴子, 只
    squirrel, 松鼠, 只
    goose, 鹅, 只
    lamb, 羊羔, 只
    swan, 天鹅, 只
    """,
)
