// What options there are, as --help prints them and the command line is read by.
#pragma once

#include <boost/program_options/options_description.hpp>

namespace tcp_stats {

/// All of them, in groups by what they change.
boost::program_options::options_description describe_options();

} // namespace tcp_stats
