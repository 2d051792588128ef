"""The recipes of the labels in a database.

Owns which recipes there are and which of them a query means. There are a handful of
recipes for thousands of labels: a query about settings is answered by their ids, which
an index holds, and the text of a recipe is read and checked once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tm23flows.documents.convergence import Convergence
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import DatabaseError

if TYPE_CHECKING:
    from pymongo.database import Database

    from tm23flows.store.query.words import Query


MAX_REMEMBERED = 10_000
"""Some 20 MB; imports may bring a recipe for every frame."""


class KnownRecipes:
    """The recipes of one database, remembered: what an id stands for never changes.

    Parameters
    ----------
    database
        The database of the archive.
    """

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._database = database
        self._known: dict[str, tuple[dict[str, Any], Recipe]] = {}

    def read(self, recipe_id: Any, stored: Any) -> Recipe:
        """Turn the recipe inside a stored label into a document, once for each recipe.

        Parameters
        ----------
        recipe_id
            The id that the label names.
        stored
            The recipe as it is stored in the label.

        Returns
        -------
        The recipe.

        Raises
        ------
        ValueError
            If it is no recipe, or another one than its id says.
        """
        known = self._known.get(recipe_id)
        if known is not None and known[0] == stored:
            return known[1]
        recipe = Recipe.model_validate(stored)
        if recipe.id != recipe_id:
            raise ValueError("the recipe id does not belong to the recipe")
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[recipe_id] = (stored, recipe)
        return recipe

    def matching(self, query: Query) -> list[str]:
        """Find the recipes that a query means.

        Parameters
        ----------
        query
            With words about recipes.

        Returns
        -------
        Ids, sorted.

        Raises
        ------
        DatabaseError
            If a stored recipe is not what its id says.
        """
        there = self._database["labels"].distinct("recipe_id")
        prefix = query.recipe or ""
        ids = sorted(one for one in there if str(one).startswith(prefix))
        return [one for one in ids if query.fits(self.of(one))]

    def of(self, recipe_id: str) -> Recipe:
        """Read a recipe from one of its labels.

        Parameters
        ----------
        recipe_id
            Its id.

        Returns
        -------
        The recipe.

        Raises
        ------
        DatabaseError
            If the stored recipe is not what its id says.
        """
        known = self._known.get(recipe_id)
        if known is None:
            label = self._database["labels"].find_one(
                {"recipe_id": recipe_id}, {"recipe": 1, "_id": 1}
            )
            if label is None:
                raise DatabaseError(f"No label has the recipe {recipe_id[:12]} any more.")
            try:
                return self.read(recipe_id, label.get("recipe"))
            except ValueError as error:
                raise DatabaseError(
                    f"The recipe of the label {label['_id'][:12]} in the archive is not what it "
                    f"should be: {error}"
                ) from error
        return known[1]

    def chosen(self, metal: str | None = None) -> list[dict[str, Any]]:
        """Find the recipes that convergence tests chose.

        Parameters
        ----------
        metal
            Chemical symbol; None means all.

        Returns
        -------
        For each metal with a test that converged a filter over labels.

        Raises
        ------
        DatabaseError
            If a stored test is not what it should be.
        """
        wanted = {"converged": True, **({"element": metal} if metal else {})}
        by_metal: dict[str, set[str]] = {}
        for stored in self._database["convergences"].find(wanted).sort("_id", 1):
            try:
                test = Convergence.from_stored(stored)
            except ValueError as error:
                raise DatabaseError(
                    f"The convergence {str(stored['_id'])[:12]} in the archive is not what it "
                    f"should be: {error}"
                ) from error
            if test.chosen is not None and test.chosen.recipe_id is not None:
                by_metal.setdefault(test.element, set()).add(test.chosen.recipe_id)
        return [
            {"element": element, "recipe_id": {"$in": sorted(ids)}}
            for element, ids in sorted(by_metal.items())
        ]
