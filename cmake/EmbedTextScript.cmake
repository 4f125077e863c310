file(READ ${INPUT} text)
get_filename_component(file_name ${INPUT} NAME)
file(WRITE ${OUTPUT} "// Made from ${file_name}.
#pragma once

inline constexpr char ${NAME}_name[] = \"${file_name}\";
inline constexpr char ${NAME}_text[] = R\"__text__(${text})__text__\";
")
