"""What the shop sells: every article, with the colours, patterns and people that it makes sense for."""

from demo.assortment.accessories import ACCESSORIES
from demo.assortment.article import Article, Category, Stance
from demo.assortment.bags import BAGS
from demo.assortment.bottoms import BOTTOMS
from demo.assortment.shoes import SHOES
from demo.assortment.tops import TOPS

ARTICLES: tuple[Article, ...] = TOPS + BOTTOMS + SHOES + BAGS + ACCESSORIES
ARTICLE_BY_NAME: dict[str, Article] = {article.name: article for article in ARTICLES}

__all__ = ["ARTICLES", "ARTICLE_BY_NAME", "Article", "Category", "Stance"]
