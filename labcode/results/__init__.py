"""What a result is: numbers that know their unit and their interval, and the frozen dataclasses that hold them."""
