// Made by `make hardware` from board.toml and pins.toml.
lamps = [[20.0, 11.0], [20.0, 21.0], [20.0, 31.0], [20.0, 41.0]];
button = [20.0, 50.0];
board_size = [65.0, 56.5];
holes = [[3.5, 3.5], [61.5, 3.5], [3.5, 52.5], [61.5, 52.5]];
de9_centre_y = 27.0;
de9_width = 31.0;
lamp_hole = 5.2;
button_hole = 4.2;
pi_size = [85.0, 56.0];
board_above = 11.0;
label_area = [-3.0, -3.0, 91.0, 62.0];
