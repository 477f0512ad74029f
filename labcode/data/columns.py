"""Which columns are inputs and which are targets, by the names in the files."""

PRICE_FEATURES = ["open", "low", "high", "volume"]

SENSORS = [
    "Air temperature [K]",
    "Process temperature [K]",
    "Rotational speed [rpm]",
    "Torque [Nm]",
    "Tool wear [min]",
]
QUALITY = "Type"
QUALITIES = ["L", "M", "H"]
FAILURE = "Failure Type"
