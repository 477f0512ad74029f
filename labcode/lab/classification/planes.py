"""Planes of the inputs over which the network's answer is shown: constants alone, so that a page loads nothing more."""

from __future__ import annotations

from labcode.data.columns import SENSORS

AIR, PROCESS, SPEED, TORQUE, WEAR = SENSORS
#: The planes that are drawn: what lies across and upwards.
PLANES = {"torque_speed": (SPEED, TORQUE), "wear_torque": (WEAR, TORQUE), "temperatures": (AIR, PROCESS)}
#: Planes that are also computed slice by slice, with the sensor that a slice holds still.
HELD = {"torque_speed": WEAR, "wear_torque": SPEED}
