"""Census-Income (KDD): the official test file, used for multi-task learning (income, never married)."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tfctr.data.datasets._checksum import DataFile
from tfctr.data.datasets._download_sources import Mirror
from tfctr.data.datasets._tables import read_text_table
from tfctr.data.datasets.dataset import Dataset

NUMBERS = ("age", "wage_per_hour", "capital_gains", "capital_losses", "dividends", "employer_persons", "weeks_worked")
COLUMNS = (
    "age", "class_of_worker", "industry_code", "occupation_code", "education", "wage_per_hour", "enrolled",
    "marital_status", "industry", "occupation", "race", "hispanic_origin", "sex", "union_member",
    "unemployment_reason", "employment", "capital_gains", "capital_losses", "dividends", "tax_filer", "previous_region",
    "previous_state", "household_status", "household_summary", "instance_weight", "migration_msa", "migration_region",
    "migration_within_region", "same_house", "migration_sunbelt", "employer_persons", "family_under_18",
    "birth_country_father", "birth_country_mother", "birth_country", "citizenship", "own_business",
    "veteran_questionnaire", "veterans_benefits", "weeks_worked", "year", "income",
)  # fmt: skip


def read(folder: Path) -> pa.Table:
    """Read the file; the labels are `income_50k` and `never_married`, whose columns leave the table."""
    types = {name: pa.int64() for name in (*NUMBERS, "year")} | {"instance_weight": pa.float64()}
    table = read_text_table(folder / "census-income.test", COLUMNS, delimiter=", ", types=types, nulls=("", "?"))
    income = pc.equal(pc.utf8_trim_whitespace(table.column("income")), "50000+.")
    single = pc.equal(pc.utf8_trim_whitespace(table.column("marital_status")), "Never married")
    table = table.drop_columns(["income", "marital_status"])
    table = table.append_column("income_50k", income.cast(pa.int64()))
    return table.append_column("never_married", single.cast(pa.int64())).combine_chunks()


CENSUS_INCOME = Dataset(
    name="census-income",
    title="99,762 people of the US Current Population Survey 1994/95: income over 50,000 dollars, never married",
    licence="CC BY 4.0",
    home="https://archive.ics.uci.edu/dataset/117/census+income+kdd",
    citation="T. Lane and R. Kohavi, Census-Income (KDD), UCI Machine Learning Repository",
    rows=99_762,
    ways=(
        Mirror(
            "census-income",
            (
                DataFile(
                    "census-income.test.xz",
                    "4be6bf8d3667826f893251e2d8c27d5eaf9603e3d231861b042a1cde89c7406b",
                    1_355_820,
                ),
            ),
            read,
        ),
    ),
)
