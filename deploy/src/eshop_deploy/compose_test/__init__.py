"""`eshop compose-test`: the compose file that users run, run for real, also where no image can be pulled."""
