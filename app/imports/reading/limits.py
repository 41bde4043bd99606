"""How much of a file is read, and with how much machine: the most of everything that an import takes."""

FILE_BYTES_MAX = 32 * 1024 * 1024
ROWS_MAX = 200_000
COLUMNS_MAX = 200
CELL_LENGTH_MAX = 32_767  # a cell of Excel holds no more
HEADER_LENGTH_MAX = 200
HEADER_ROWS_SEARCHED = 20

ENTRIES_MAX = 2_000
INFLATED_BYTES_MAX = 512 * 1024 * 1024
INFLATION_MAX = (
    200  # XML of a real workbook shrinks to a tenth, of empty styled cells to a hundredth
)
INFLATION_FREE_BYTES = 4 * 1024 * 1024  # what is small may shrink as it likes

SECONDS_MAX = 60.0
PROCESSOR_SECONDS_MAX = 45
MEMORY_BYTES_MAX = 512 * 1024 * 1024  # addresses, not resident pages
FRAME_ROWS = 500
FRAMES_BYTES_MAX = 64 * 1024 * 1024
