# embed_text(FILE NAME): makes the header NAME.h with the constants NAME_text (the file's content) and
# NAME_name (its name), and the target embed_NAME that provides it.
# The target generated_headers makes all of them.
function(embed_text file name)
  set(header ${CMAKE_BINARY_DIR}/embedded/${name}.h)
  add_custom_command(
    OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${CMAKE_SOURCE_DIR}/${file} -DOUTPUT=${header} -DNAME=${name}
            -P ${CMAKE_SOURCE_DIR}/cmake/EmbedTextScript.cmake
    DEPENDS ${CMAKE_SOURCE_DIR}/${file} ${CMAKE_SOURCE_DIR}/cmake/EmbedTextScript.cmake)
  add_custom_target(embed_${name}_header DEPENDS ${header})
  if(NOT TARGET generated_headers)
    add_custom_target(generated_headers)
  endif()
  add_dependencies(generated_headers embed_${name}_header)
  add_library(embed_${name} INTERFACE)
  target_include_directories(embed_${name} INTERFACE ${CMAKE_BINARY_DIR}/embedded)
  add_dependencies(embed_${name} embed_${name}_header)
endfunction()
