// Enclosure of the box: tray and lid for a Raspberry Pi 3B, 3B+ or 4B with the Outbox board above it.
// Render one part with -D part="tray" | "lid" | "pipes" | "plunger" | "all". Millimetres.
// Origin: top left corner of the board seen from above, as in places.scad; here y is turned to point up.
include <places.scad>

part = "all";
$fn = 48;

wall = 2.4;
gap = 1.5;                 // between the boards and the walls
floor_t = 2.4;
standoff = 5;              // under the Raspberry Pi: room for the card's holder and solder joints
pcb = 1.6;
lamp_height = 9.5;         // top of a 5 mm lamp above our board
lip = 2;
inner = [pi_size[0] + 2 * gap, pi_size[1] + 2 * gap + 0.5];
left = -gap;
pi_top = floor_t + standoff + pcb;
hat_bottom = pi_top + board_above;
hat_top = hat_bottom + pcb;
de9_height = 12.6;         // flange of the DE-9 above our board
inside_top = hat_top + 15; // clear of the DE-9 and the lamps
height = inside_top;
pi_holes = [[3.5, 3.5], [61.5, 3.5], [3.5, 52.5], [61.5, 52.5]];

// from board coordinates (y down) to here (y up)
function up(p) = [p[0], board_size[1] - p[1]];

module rounded(size, r) {
    translate([r, r]) offset(r) square([size[0] - 2 * r, size[1] - 2 * r]);
}

module shell() {
    translate([left - wall, -gap - wall, 0]) linear_extrude(height)
        rounded([inner[0] + 2 * wall, inner[1] + 2 * wall], 4);
}

module hollow() {
    translate([left, -gap, floor_t]) linear_extrude(height) rounded(inner, 2);
}

module slot_x(y, z, wide, tall) {  // through the left wall
    translate([left - wall - 1, y - wide / 2, z]) cube([wall + 2, wide, tall]);
}

module tray() {
    difference() {
        union() {
            difference() { shell(); hollow(); }
            for (p = pi_holes) translate([up(p)[0], up(p)[1], 0]) cylinder(d = 6.2, h = floor_t + standoff);
        }
        for (p = pi_holes) translate([up(p)[0], up(p)[1], -1]) {
            cylinder(d = 2.8, h = 30);
            cylinder(d = 5.4, h = 1 + 1.8);              // screw head in the floor
        }
        // DE-9: body and flange through the left wall, open to the top so that the board drops in
        slot_x(board_size[1] - de9_centre_y, hat_top - 0.6, de9_width + 1, height);
        // card: left wall and a finger groove in the floor
        slot_x(28, floor_t + standoff - 3.4, 15, 4);
        translate([left - wall - 1, 28 - 9, -1]) cube([wall + 9, 18, floor_t + 2]);
        // network and USB: right wall
        translate([left + inner[0] - 1, 1.5, pi_top - 0.5]) cube([wall + 2, 54.5, 17.5]);
        // power, video, sound: front wall (y = 0)
        translate([4.5, -gap - wall - 1, pi_top - 1]) cube([54.5, wall + 2, 8.5]);
        vents();
    }
}

module vents() {
    for (x = [18 : 7 : 74]) translate([x, -1, -1]) translate([0, 12, 0]) cube([2.5, 34, floor_t + 2]);
    for (x = [10 : 8 : 74]) translate([x, inner[1] - gap - 1, pi_top + 6]) cube([3, wall + 4, 12]);
}

module lid() {
    difference() {
        union() {
            translate([left - wall, -gap - wall, 0]) linear_extrude(wall)
                rounded([inner[0] + 2 * wall, inner[1] + 2 * wall], 4);
            translate([left + 0.25, -gap + 0.25, -lip]) linear_extrude(lip + 0.1) difference() {
                rounded([inner[0] - 0.5, inner[1] - 0.5], 2);
                translate([1.6, 1.6]) rounded([inner[0] - 3.7, inner[1] - 3.7], 1.5);
            }
            for (p = lamps) translate([up(p)[0], up(p)[1], -3]) cylinder(d = lamp_hole + 3, h = 3.1);
            translate([up(button)[0], up(button)[1], -3]) cylinder(d = button_hole + 3, h = 3.1);
            de9_tongue();
        }
        for (p = lamps) translate([up(p)[0], up(p)[1], -5]) cylinder(d = lamp_hole, h = 10);
        translate([up(button)[0], up(button)[1], -5]) cylinder(d = button_hole, h = 10);
        // shallow bed for the label
        translate([label_area[0], board_size[1] - label_area[1] - label_area[3], wall - 0.3])
            linear_extrude(1) rounded([label_area[2], label_area[3]], 2);
    }
}

module de9_tongue() {  // closes the slot above the DE-9
    below = height - (hat_top + de9_height);
    translate([left - wall, board_size[1] - de9_centre_y - de9_width / 2, -below])
        cube([wall - 0.3, de9_width, below + 0.1]);
}

// Light pipes: clear print or cut from 5 mm acrylic rod; the collar rests under the lid.
pipe_length = inside_top + wall - (hat_top + lamp_height) - 0.5;
module pipe() {
    cylinder(d = lamp_hole - 0.2, h = pipe_length);
}
module pipes() {
    for (i = [0 : len(lamps) - 1]) translate([10 * i, 0, 0]) pipe();
}

// Plunger between the lid and the push button (4.3 mm high).
plunger_length = inside_top + wall - (hat_top + 4.3) + 0.8;
module plunger() {
    cylinder(d = button_hole - 0.4, h = plunger_length);
    translate([0, 0, 1]) cylinder(d = button_hole + 2.4, h = 1.6);  // cannot fall out
}

module boards() {  // only for the picture
    color("#2e7d32") translate([0, 0, pi_top - pcb]) cube([pi_size[0], pi_size[1], pcb]);
    color("#1b5e20") translate([0, 0, hat_bottom]) cube([board_size[0], board_size[1], pcb]);
    color("silver") translate([65, 2, pi_top]) cube([21, 52, 15]);
    color("silver") translate([-6, board_size[1] - de9_centre_y - de9_width / 2, hat_top]) cube([18, de9_width, 12.5]);
    colours = ["#2e9d3a", "#f0a000", "#d02020", "white"];
    for (i = [0 : len(lamps) - 1]) color(colours[i]) translate([up(lamps[i])[0], up(lamps[i])[1], hat_top])
        cylinder(d = 5, h = lamp_height);
}

if (part == "tray") tray();
if (part == "lid") translate([0, 0, wall]) rotate([180, 0, 0]) lid();
if (part == "pipes") pipes();
if (part == "plunger") plunger();
if (part == "all") {
    color("#cfd8dc") tray();
    boards();
    color("#eceff1") translate([0, 0, height + 28]) lid();
    color("#ffffffa0") for (p = lamps) translate([up(p)[0], up(p)[1], height + 6]) pipe();
    color("#90a4ae") translate([up(button)[0], up(button)[1], height + 2]) plunger();
}
if (part == "closed") {
    color("#cfd8dc") tray();
    boards();
    color("#eceff1") translate([0, 0, height]) lid();
    color("#ffffffa0") for (p = lamps) translate([up(p)[0], up(p)[1], hat_top + lamp_height + 0.5]) pipe();
    color("#90a4ae") translate([up(button)[0], up(button)[1], hat_top + 4.3]) plunger();
}
